"""A plan brought into a workbook in place: only what must change is written anew."""
