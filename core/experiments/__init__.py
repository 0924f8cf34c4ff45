"""Jobs whose results lie beside a library's: other batch sizes, deriving results again."""
