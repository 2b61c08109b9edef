"""The same work on other engines, measured beside ours."""
