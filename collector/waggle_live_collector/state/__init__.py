"""What of the table outlives the process."""
