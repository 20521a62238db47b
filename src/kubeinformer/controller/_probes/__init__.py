"""What a kubelet asks: checks, and the small server that tells of them."""
