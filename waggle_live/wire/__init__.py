"""What client and collector share: messages, histogram, errors. No socket, thread or clock."""
