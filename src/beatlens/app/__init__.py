"""The app: review a recording beat by beat in the browser. Needs the extra ``[app]``.

``services`` are plain Python and know nothing of Streamlit; ``drawing`` makes SVG; ``ui`` holds what the pages share;
``pages`` put these together; ``main.py`` is the script that Streamlit runs, and `beatlens.app.launch` starts it.
"""
