"""What an experiment found, as figures, one page of HTML, and tables for other programs.

    figures/        one module per figure: plain values in, a matplotlib figure out
    material.py     an experiment's records as these plain values
    page.py         the report
    export_rows.py  a row per trial and one per evaluation

The doors are those four. Nothing here knows a broker, a worker or a terminal, and nothing writes
into an experiment's directory.
"""
