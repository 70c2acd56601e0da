"""Between the DAG and its text: what is computed whole, what tile by tile of rows, in what order."""
