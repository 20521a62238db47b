"""What is stored of each object: entries, how their bodies are kept, indexes, and the write side. No I/O, no clock."""
