"""The shop on AWS. Two programs, `foundation` and `workload`, each a function from settings to outputs; a module for each part of them."""
