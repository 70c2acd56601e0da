"""Function to Function: derivatives, batches, one vector in place of several arguments."""
