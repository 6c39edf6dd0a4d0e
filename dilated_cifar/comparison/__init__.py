"""Many runs in, numbers out: groups, intervals, differences."""
