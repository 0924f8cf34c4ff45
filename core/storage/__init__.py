"""What is kept: the library's database, pictures and exports."""
