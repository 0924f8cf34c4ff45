"""Reading results back out of a library, for fronts and exports."""
