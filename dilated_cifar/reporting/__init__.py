"""Many runs in, one answer out: statistics, tables, pictures and the page."""
