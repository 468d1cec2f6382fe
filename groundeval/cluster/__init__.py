"""Work spread over the actors of a Ray cluster: any number of copies of an engine, on one machine or on many."""

from groundeval.cluster.options import ClusterOptions
from groundeval.cluster.pool import ActorPool, portable

__all__ = ["ActorPool", "ClusterOptions", "portable"]
