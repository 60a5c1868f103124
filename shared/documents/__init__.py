"""Files for people: PDF pages, CSV and XLSX tables. The same input makes the same bytes, so that a file can be proved.

For queue and task functions with the layer `documents`; an HTTP function never imports this.
"""
