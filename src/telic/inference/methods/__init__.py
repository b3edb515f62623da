"""One method of inference a module; they do not import each other."""
