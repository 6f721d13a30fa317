"""What all tests need, on every Python that the client supports."""

import signal

# A shell starts what it runs in the background with SIGINT ignored, and so would every process
# be that a test starts and interrupts.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
