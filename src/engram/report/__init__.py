"""The report: one page of HTML, methods in words among them."""
