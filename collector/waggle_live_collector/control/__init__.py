"""The way back: what plugins' knobs are set to, by whom and until when."""
