"""Hot restart: a new process takes over from a running one without losing a request.

`child` is the new process's half, `parent` the running one's; `restart` joins them.
"""
