"""The shell: drives the list-watch machine, tells readers, watches over liveness. Decides nothing of the protocol."""
