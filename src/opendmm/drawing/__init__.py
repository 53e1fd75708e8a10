"""A constellation as a picture (SVG), in the manner of the draft's Figures 2 and 3.

`scene` says what is drawn, `layout` puts the boxes on a grid, `routing` leads the lines round
them, `labels` finds places for names on the lines, `svg` writes it all down.
"""
