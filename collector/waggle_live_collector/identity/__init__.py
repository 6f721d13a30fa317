"""Who reports: peer, pod, admission, and the labels of its series."""
