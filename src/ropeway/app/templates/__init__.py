"""The files that ``workflow init`` starts from; ``@ID@`` stands for the workflow's id."""
