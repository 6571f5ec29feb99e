"""Excel workbooks: new ones from a template, existing ones edited in place in their XML."""
