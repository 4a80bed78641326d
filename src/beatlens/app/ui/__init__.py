"""What the pages share: the session, the frame around a page, pictures that can be clicked."""
