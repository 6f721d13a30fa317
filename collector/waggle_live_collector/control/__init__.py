"""The way back to plugins: the values of their knobs, who set them, and until when."""
