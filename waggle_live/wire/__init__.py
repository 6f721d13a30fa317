"""What client and collector agree on: messages, histogram, errors. No socket, thread or clock."""
