"""How the app looks: roles, the themes that colour them, and the styles made of both."""
