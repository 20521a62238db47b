"""Probes: the checks behind them, and the small server that answers a kubelet."""
