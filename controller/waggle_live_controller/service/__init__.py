"""``waggle-live-controller``: holds deadlines of plugins on nodes, as a file says."""
