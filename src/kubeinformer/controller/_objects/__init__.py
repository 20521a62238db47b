"""What controllers write, and what stands in it: server-side apply, finalizers, owners, conditions."""
