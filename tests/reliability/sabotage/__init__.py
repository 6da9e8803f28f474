"""Ways of breaking clm on purpose, each of which has to turn the tests red: a suite not seen to fail proves nothing."""
