"""What the app does, without Streamlit: every module here can be used and tested alone."""
