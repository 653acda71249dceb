"""Any NIR graph in Brian2."""
