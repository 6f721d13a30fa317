"""Where the time goes, function by function.

``sampler`` looks at the stacks of a process. ``tau`` reads what the TAU Performance System
measured. Both name functions (``names``), give them places (``places``) and send them as cells of
one kind.
"""
