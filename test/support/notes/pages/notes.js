document.title = 'Notes, and a script';
