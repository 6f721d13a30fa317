"""``waggle-live-controller``: meets deadlines of plugins on nodes, as a file says."""
