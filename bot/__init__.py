"""The chat assistant of a hospital's pain centre."""
