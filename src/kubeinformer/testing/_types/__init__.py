"""What a resource is: its kind and scope, the fields it can be selected by, its lists, its schema."""
