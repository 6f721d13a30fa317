"""Where the time goes, function by function."""
