"""How bytes get here: where the cluster is, who we are to it, and the transports."""

from kubeinformer.connection.transport import HttpRequest, Response, Transport

__all__ = ["HttpRequest", "Response", "Transport"]
