"""What others think of our mails: a spam filter, and MJML's own validator. Run by `make judges` and in CI."""
