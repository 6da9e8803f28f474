"""Messages out: one module a channel, all keeping the protocol in `clm.channels.protocol`."""
