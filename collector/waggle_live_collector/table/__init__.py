"""What the node's plugins add up to, by plugin, process and kind of series."""
