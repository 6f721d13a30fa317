"""The labels of the node."""

import os


def node_labels() -> dict[str, str]:
    """Return the labels of ``waggle_node_info``, as the stack's services get them.

    What isn't Unicode becomes question marks, since neither the page nor JSON could hold it.
    """

    def told(name: str) -> str:
        return os.environ.get(name, "").encode(errors="replace").decode()

    node = {"node_id": told("WAGGLE_NODE_ID"), "vsn": told("WAGGLE_NODE_VSN")}
    host = told("HOST")
    return {**node, "host": host} if host else node
