"""What arrives over xDS: clusters, endpoints, routes, listeners, secrets and the rest.

A manager for each type subscribes to its resources, checks and compiles what arrives, lets it warm
up and hands it to the workers. What cannot be taken is reported back and changes nothing: the last
good configuration stays. Nothing here knows how resources travel (lateen.xds.subscription).

This package is imported only by a proxy whose bootstrap asks for something that is not static.
"""
