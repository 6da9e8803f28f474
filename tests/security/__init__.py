"""What must not happen whatever anybody sends us: one test for each line of the security list that no other room has.

Elsewhere: templates in tests/content/test_sandbox.py; links in tests/content/test_links.py; webhooks in tests/web;
suppressions without addresses in tests/store/test_suppressions.py. clm exports no CSV, so there are no formulas to
defuse.
"""
