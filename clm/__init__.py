"""clm: customer-lifecycle marketing as code."""
