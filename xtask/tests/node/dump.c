/* Writes its arguments and variables to the file that its first argument names, each ended by NUL. */
#include <stdio.h>

int main(int count, char **arguments, char **variables) {
    FILE *file = count > 1 ? fopen(arguments[1], "wxe") : NULL;
    if (!file)
        return 1;
    fprintf(file, "%d%c", count, 0);
    for (; *arguments; arguments++)
        fprintf(file, "%s%c", *arguments, 0);
    for (; *variables; variables++)
        fprintf(file, "%s%c", *variables, 0);
    return fclose(file) != 0;
}
