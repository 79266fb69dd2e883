"""Tests that drive a browser: a package, so that they share one."""
